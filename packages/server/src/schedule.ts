/** Does the work after a time in ms; returns how to call it off. */
export type Schedule = (work: () => void, delay: number) => () => void

/** By the clock of the process; what waits is no reason to keep the process. */
export const unheldTimer: Schedule = (work, delay) => {
  const timer = setTimeout(work, delay).unref()
  return () => clearTimeout(timer)
}
