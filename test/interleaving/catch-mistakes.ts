/**
 * Makes each of the mistakes in the ring, and looks whether some scenario shows it. Ends with 1 if one stays unseen.
 *
 * node test/interleaving/catch-mistakes.ts
 */
import { MISTAKES } from './mistakes.ts'
import { catchMistake } from './mutate.ts'

let unseen = 0
for (const mistake of MISTAKES) {
  const shown = await catchMistake(mistake)
  if (shown === undefined) unseen++
  console.log(
    `${shown === undefined ? 'UNSEEN' : 'caught'}  ${mistake.file}: ${mistake.what}\n        ${shown ?? ''}`,
  )
}
console.log(`${MISTAKES.length - unseen} of ${MISTAKES.length} mistakes caught`)
process.exitCode = unseen === 0 ? 0 : 1
