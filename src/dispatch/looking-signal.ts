/** The platform's own answer. */
const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')!.get as () => boolean

/**
 * A controller whose signal looks whether it is due whenever it is asked: code that never lets a timer fire learns of it, too.
 */
export function lookingController(isDue: () => boolean): AbortController {
  const controller = new AbortController()
  const { signal } = controller
  const look = (): boolean => {
    if (!isAborted.call(signal) && isDue()) controller.abort()
    return isAborted.call(signal)
  }
  Object.defineProperties(signal, {
    aborted: { get: look },
    throwIfAborted: {
      value: () => {
        if (look()) throw signal.reason
      },
    },
  })
  return controller
}

/** Aborts the controller when the signal does. */
export function follow(controller: AbortController, signal: AbortSignal): void {
  if (signal.aborted) controller.abort(signal.reason)
  else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true })
}
