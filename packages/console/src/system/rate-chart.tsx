import 'uplot/dist/uPlot.min.css'
import { Card, Text, useComputedColorScheme, useMantineTheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { messages } from '../messages/english.ts'

const height = 120
const shortTime = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' })

interface RateChartProps {
  label: string
  /** Seconds since 1970, rising. */
  times: readonly number[]
  values: readonly (number | null)[]
}

/** One small chart with its present value in words. */
export default function RateChart({ label, times, values }: RateChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const { colors } = useMantineTheme()
  const isDark = useComputedColorScheme() === 'dark'
  useEffect(() => {
    const target = place.current!
    const ink = isDark ? colors.dark[0] : colors.gray[7]
    const axis = { stroke: ink, grid: { stroke: isDark ? colors.dark[4] : colors.gray[2] }, ticks: { show: false } }
    const made = new uPlot(
      {
        width: target.clientWidth,
        height,
        padding: [8, 28, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          { ...axis, values: (_plot, ticks) => ticks.map((time) => shortTime.format(time * 1000)) },
          { ...axis, size: 44 },
        ],
        series: [{}, { stroke: isDark ? colors.teal[4] : colors.teal[9], width: 2, points: { show: false } }],
      },
      [[], []],
      target,
    )
    chart.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: target.clientWidth, height }))
    watch.observe(target)
    return () => {
      watch.disconnect()
      made.destroy()
    }
  }, [isDark, colors])
  // Also after the colours have changed, which makes the chart anew.
  useEffect(() => {
    chart.current?.setData([[...times], [...values]])
  }, [times, values, isDark])
  const now = values.at(-1)
  return (
    <Card withBorder p="sm">
      <Text size="sm" fw={500}>
        {messages.system.chartNow(label, now == null ? '—' : String(Math.round(now * 10) / 10))}
      </Text>
      <div ref={place} aria-hidden="true" />
    </Card>
  )
}
