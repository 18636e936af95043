import { type MantineColorScheme, SegmentedControl, useMantineColorScheme } from '@mantine/core'
import { messages } from '../messages/english.ts'

const { label, light, dark, auto } = messages.theme

/** Light, dark, or as the system has it. */
export function ThemeChoice() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <SegmentedControl
      size="xs"
      aria-label={label}
      value={colorScheme}
      onChange={(value) => setColorScheme(value as MantineColorScheme)}
      data={[
        { value: 'light', label: light },
        { value: 'dark', label: dark },
        { value: 'auto', label: auto },
      ]}
    />
  )
}
