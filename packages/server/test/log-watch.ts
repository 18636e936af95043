import { setTimeout } from 'node:timers/promises'
import { decodeRecord, parseLine, type RememberedTree, verifyExport } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import { type AuditCheckpoint, type DeploymentInfo, routes } from '@sealmq/protocol/api'
import { expect } from 'vitest'
import type { AuthorityProcess } from './authority-process.ts'
import type { TestAuthority } from './test-authority.ts'

/** Somebody outside who keeps the key, the checkpoints and the last export of a log, whatever becomes of the authority. */
export class LogWatch {
  readonly #authority: TestAuthority<AuthorityProcess>
  #key: string | null = null
  #seen: string[] = []
  #records: string[] = []
  #remembered: RememberedTree | null = null

  constructor(authority: TestAuthority<AuthorityProcess>) {
    this.#authority = authority
  }

  /** Keeps every checkpoint that is answered, until the authority is killed. */
  async seeCheckpoints(): Promise<void> {
    for (; this.#authority.running.running; await setTimeout(20)) {
      const answer = await this.#authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint).catch(() => null)
      if (answer?.status === 201) this.#seen.push(answer.body.note)
    }
  }

  /**
   * The full verifier finds nothing, with all that was kept; the log begins with every record of the export before, byte for
   * byte; and it tells of each of these actions.
   * @param recorded action and name of what it was done to
   */
  async verify(recorded: ReadonlySet<string>): Promise<{ records: number; checkpoints: number }> {
    const { httpUrl } = this.#authority.running
    this.#key ??= (await this.#authority.ask<DeploymentInfo>('GET', routes.deployment)).body.auditKey
    const headers = { authorization: `Bearer ${this.#authority.admin}` }
    const lines = (await (await fetch(httpUrl + routes.auditExport, { headers })).text()).split('\n')
    const report = await verifyExport(lines, {
      sha256,
      key: this.#key,
      checkpoints: this.#seen.map((note) => ({ note })),
      remembered: this.#remembered,
    })
    expect(report.findings).toEqual([])
    expect(report.outside.filter(({ ok }) => !ok)).toEqual([])
    const records = lines.filter((line) => line !== '').map((line) => parseLine(line))
    const texts = records.flatMap((line) => (line.kind === 'record' ? [line.text] : []))
    expect(texts.slice(0, this.#records.length)).toEqual(this.#records)
    const told = new Set(texts.map(decodeRecord).map(({ action, on }) => `${action} ${on?.name}`))
    expect(
      [...recorded].filter((one) => !told.has(one)),
      'acknowledged actions without a record',
    ).toEqual([])
    const result = { records: texts.length - this.#records.length, checkpoints: this.#seen.length }
    this.#records = texts
    this.#remembered = report.remember
    this.#seen = []
    return result
  }
}
