/** Measures one case of a suite: `node --expose-gc bench/child.ts <suite> <case> <options as JSON>`; writes what it measures as JSON. */
import { suiteOf } from './suites.ts'

const [suite, name, options] = process.argv.slice(2) as [string, string, string]
console.log(JSON.stringify(await (await suiteOf(suite)).measure(name, JSON.parse(options))))
process.exit()
