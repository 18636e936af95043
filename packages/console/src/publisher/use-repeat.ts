import { useCallback, useEffect, useRef, useState } from 'react'

/** Sends again and again, one after the other, until it is stopped, one is refused, or the page is left. */
export function useRepeat() {
  const [running, setRunning] = useState(false)
  const [count, setCount] = useState(0)
  const end = useRef<(() => void) | null>(null)
  const stop = useCallback(() => end.current?.(), [])
  /** @param interval ms from one to the next @param send whether to go on */
  const start = useCallback(async (interval: number, send: () => Promise<boolean>) => {
    end.current?.()
    const { promise: ended, resolve } = Promise.withResolvers<'ended'>()
    end.current = () => resolve('ended')
    const own = end.current
    setRunning(true)
    setCount(0)
    for (;;) {
      const begun = performance.now()
      const went = await Promise.race([send(), ended])
      if (went !== true) break
      setCount((sent) => sent + 1)
      let timer: ReturnType<typeof setTimeout> | undefined
      const rest = new Promise<'rested'>((done) => {
        timer = setTimeout(() => done('rested'), Math.max(0, interval - (performance.now() - begun)))
      })
      const next = await Promise.race([rest, ended])
      clearTimeout(timer)
      if (next === 'ended') break
    }
    // Another one may have begun since.
    if (end.current === own) setRunning(false)
  }, [])
  useEffect(() => stop, [stop])
  return { running, count, start, stop }
}
