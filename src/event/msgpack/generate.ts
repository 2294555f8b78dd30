/** Whether functions may be made of text here: not with `--disallow-code-generation-from-strings`. */
export const MAY_GENERATE = mayGenerate()

function mayGenerate(): boolean {
  try {
    return new Function('return true')() as boolean
  } catch {
    return false
  }
}
