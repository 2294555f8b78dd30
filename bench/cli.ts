/** `npm run bench -- [options]`: as `millrace bench`. */
import { bench } from './main.ts'

process.exitCode = await bench(process.argv.slice(2))
