import { type CSSVariablesResolver, createTheme, darken, Modal } from '@mantine/core'
import { messages } from '../messages/english.ts'

// White text on these stands out enough (WCAG 2.2, 1.4.3), and so do links.
export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: { light: 9, dark: 9 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  components: { Modal: Modal.extend({ defaultProps: { closeButtonProps: { 'aria-label': messages.close } } }) },
})

/** Of badges, alerts and marked links. */
const lightColors = ['teal', 'blue', 'yellow', 'orange', 'red', 'grape', 'gray'] as const

/** Quiet texts and errors, each at least 4.5 : 1 against its ground (WCAG 2.2, 1.4.3). */
export const readableColors: CSSVariablesResolver = ({ colors }) => ({
  variables: {
    '--mantine-primary-color-filled-hover': darken(colors.teal[9], 0.2),
    '--mantine-color-teal-filled-hover': darken(colors.teal[9], 0.2),
  },
  light: {
    '--mantine-color-dimmed': colors.gray[7],
    '--mantine-color-placeholder': colors.gray[7],
    '--mantine-color-error': colors.red[9],
    '--mantine-color-anchor': colors.teal[9],
    ...Object.fromEntries(
      lightColors.map((name) => [`--mantine-color-${name}-light-color`, darken(colors[name][9], 0.35)]),
    ),
  },
  dark: {
    '--mantine-color-dimmed': colors.dark[0],
    '--mantine-color-placeholder': colors.dark[1],
    '--mantine-color-error': colors.red[4],
    '--mantine-color-anchor': colors.teal[4],
  },
})
