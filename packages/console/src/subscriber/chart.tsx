import { Chip, Group, Stack, Text, useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { ChartData, View } from '../worker/protocol.ts'
import classes from './subscriber.module.css'

// Told apart on both grounds, also by those who see no red.
const colors = {
  light: ['#0b7285', '#c2410c', '#5f3dc4', '#2b8a3e', '#a61e4d', '#364fc7'],
  dark: ['#66d9e8', '#ffa94d', '#b197fc', '#8ce99a', '#faa2c1', '#91a7ff'],
}
/** Series drawn at first. */
const atFirst = 3

interface ChartProps {
  topic: string
  data: ChartData | null
  wanted: View['chart']
  setChart: (chart: View['chart']) => void
}

/** The numbers of a topic over time, as they come. */
export function Chart({ topic, data, wanted, setChart }: ChartProps) {
  const fields = wanted?.topic === topic ? wanted.fields : []
  const found = data?.topic === topic ? data.found : []
  const names = found.join('\n')
  useEffect(() => {
    if (wanted?.topic !== topic) setChart({ topic, fields: [] })
    else if (wanted.fields.length === 0 && names !== '')
      setChart({ topic, fields: names.split('\n').slice(0, atFirst) })
  }, [names, topic, wanted, setChart])
  if (found.length === 0) return <Text size="sm">{text.chartNone}</Text>
  return (
    <Stack gap="xs">
      <Chip.Group multiple value={fields} onChange={(next) => setChart({ topic, fields: next })}>
        <Group gap={4} role="group" aria-label={text.chartFields}>
          {found.map((field) => (
            <Chip key={field} value={field} size="xs">
              {field}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      {data && data.values.length === fields.length && fields.length > 0 && (
        <Plot key={fields.join('\n')} topic={topic} fields={fields} data={data} />
      )}
      <Text size="xs">{text.chartHint}</Text>
    </Stack>
  )
}

function Plot({ topic, fields, data }: { topic: string; fields: string[]; data: ChartData }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const zoomed = useRef(false)
  const scheme = useComputedColorScheme('light')
  const names = fields.join('\n')
  const aligned = [data.times, ...data.values] as unknown as uPlot.AlignedData
  const latest = useRef(aligned)
  latest.current = aligned
  useEffect(() => {
    const ink = scheme === 'dark' ? '#c9c9c9' : '#343a40'
    const axis = { stroke: ink, grid: { stroke: scheme === 'dark' ? '#424242' : '#dee2e6' } }
    const made = new uPlot(
      {
        width: place.current!.clientWidth,
        height: 280,
        axes: [axis, axis],
        series: [
          {},
          ...names.split('\n').map((label, index) => ({
            label,
            stroke: colors[scheme][index % colors[scheme].length]!,
            width: 2,
            spanGaps: true,
          })),
        ],
        hooks: {
          setSelect: [
            ({ select }) => {
              zoomed.current = select.width > 0
            },
          ],
        },
      },
      latest.current,
      place.current!,
    )
    made.over.addEventListener('dblclick', () => {
      zoomed.current = false
    })
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: place.current?.clientWidth ?? 400, height: 280 }))
    resized.observe(place.current!)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [names, scheme])
  // What is zoomed into stays where it is while more comes.
  useEffect(() => plot.current?.setData(aligned, !zoomed.current))
  return <div ref={place} className={classes.plot} role="img" aria-label={text.chartLabel(topic)} />
}
