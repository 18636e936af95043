import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core'
import { expect } from 'vitest'

const flags =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: flags.split(' ') })

/** One person's browser window on the console, and everything that its page complains of. */
export class ConsolePage {
  readonly page: Page
  readonly complaints: string[] = []
  readonly #context: BrowserContext
  readonly #url: string

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context
    this.page = page
    this.#url = url
  }

  static async open(browser: Browser, url: string, path = '/account'): Promise<ConsolePage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
    const page = await context.newPage()
    const opened = new ConsolePage(context, page, url)
    page.on('console', (message) => {
      // A refused request is no fault of the page.
      const isRefusal = message.text().startsWith('Failed to load resource')
      if (message.type() === 'error' && !isRefusal) opened.complaints.push(message.text())
    })
    page.on('pageerror', (error) => opened.complaints.push(error.message))
    await opened.go(path)
    return opened
  }

  async go(path: string): Promise<void> {
    await this.page.goto(`${this.#url}${path}`)
  }

  field(label: string): Locator {
    return this.page.getByRole('textbox', { name: label, exact: true })
  }

  /** Password fields have no role. */
  password(label: string): Locator {
    return this.page.getByLabel(label, { exact: true })
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  text(text: string | RegExp): Locator {
    return this.page.getByText(text)
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { name })
  }

  /** Types a code of six digits into its boxes, as one paste or by hand. */
  async code(code: string): Promise<void> {
    await this.page.getByLabel('Six-digit code, 1').click()
    await this.page.keyboard.type(code)
  }

  async signIn(name: string, password: string): Promise<void> {
    await this.field('Email or user name').fill(name)
    await this.password('Password').fill(password)
    await this.button('Sign in').click()
  }

  /** Until what a change moves or fades has come to rest. */
  async settle(): Promise<void> {
    await this.page.evaluate(async () => {
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
      await Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))
    })
  }

  /** No finding of axe that is serious, in light and in dark. */
  async expectAccessible(): Promise<void> {
    for (const colorScheme of ['light', 'dark'] as const) {
      await this.page.emulateMedia({ colorScheme })
      await this.settle()
      // By the debugger, as an extension would: the policy of the page keeps foreign scripts out.
      await this.page.evaluate(axeSource)
      const findings = await this.page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
        const { violations } = await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
      })
      expect(findings, `${this.page.url()} ${colorScheme}`).toEqual([])
    }
  }

  async close(): Promise<void> {
    await this.#context.close()
    expect(this.complaints).toEqual([])
  }
}
