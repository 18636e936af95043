import { describe, expect, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { sha256 as nobleSha256 } from '../src/browser/index.ts'
import { checkpointLine, recordLine, signCheckpoint, verifyExport } from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'
import { withNewHash } from './alterations.ts'
import { SampleLog, sampleRecord } from './sample-log.ts'
import { alterEveryField, codesAndRuns, verifyWith } from './verifier-attacks.ts'

const log = await SampleLog.make(60, 8)
const lines = log.lines()
const lineOf = (position: number) => lines[position + 1]!
const headWith = (changes: object) => JSON.stringify({ ...JSON.parse(lines[0]!), ...changes })
/** The note with a signature that somebody without the key has made up. */
const withoutSignature = (note: string) => note.replace(/.{20}=\n$/, `${'A'.repeat(20)}=\n`)
const codes = (report: { findings: { code: string }[] }) => report.findings.map(({ code }) => code)
const noteAt = (size: number) => log.checkpoints.find((checkpoint) => checkpoint.size === size)!.note

describe('an export as it was written', () => {
  it('is found whole, with every checkpoint', async () => {
    const report = await verifyExport(lines, { sha256, key: log.key, checkpoints: [{ note: noteAt(24) }] })
    expect(report).toMatchObject({
      origin: log.origin,
      key: log.key,
      from: 0,
      size: 60,
      records: 60,
      checkpointsHeld: 8,
      newestRecordTime: log.records[59]!.time,
      outside: [{ size: 24, ok: true }],
      findings: [],
      notes: [],
    })
    expect(report.root).toBe(Buffer.from(log.rootAt(60)).toString('base64'))
    expect(report.remember).toEqual({ origin: log.origin, size: 60, root: report.root, key: log.key })
  })

  it('is found whole from any position on', async () => {
    for (let from = 0; from <= 60; from++) {
      const report = await verifyWith(log, log.lines(from))
      expect(codesAndRuns(report), String(from)).toEqual([])
      expect(report).toMatchObject({ from, size: 60, remember: { size: 60 } })
    }
  })

  it('and one that was altered are judged alike by both back ends', async () => {
    const altered = lines.with(21, withNewHash(JSON.stringify({ ...log.records[20]!, address: '198.51.100.1' })))
    for (const file of [lines, altered, log.lines(17)]) {
      const [byNode, byNoble] = await Promise.all(
        [sha256, nobleSha256].map((hash) => verifyExport(file, { sha256: hash, checkpoints: [{ note: noteAt(24) }] })),
      )
      expect(byNoble).toEqual(byNode)
    }
  })

  it('says when its key is known from itself alone, and when nothing from outside was compared', async () => {
    const report = await verifyExport(lines, { sha256 })
    expect(report.findings).toEqual([])
    expect(report.notes.map(({ code }) => code)).toEqual(['key-unconfirmed', 'no-outside-checkpoint'])
    const confirmed = await verifyExport(lines, { sha256, checkpoints: [{ note: noteAt(24) }] })
    expect(confirmed.notes).toEqual([])
  })

  it('tells how far it is', async () => {
    const large = await SampleLog.make(10_000, 10_000)
    const seen: [number, number][] = []
    const onProgress = (records: number, total: number) => seen.push([records, total])
    await verifyExport(large.lines(), { sha256, onProgress })
    expect(seen).toEqual([
      [4_096, 10_000],
      [8_192, 10_000],
    ])
  })
})

describe('one record', () => {
  it('with any field altered is named, or the run between two checkpoints around it', () =>
    alterEveryField(log, uncounted))

  it('with its hash altered is named', async () => {
    const line = lineOf(20)
    const report = await verifyWith(log, lines.with(21, line.replace(/[0-9a-f]{64}/, '0'.repeat(64))))
    expect(codesAndRuns(report)).toEqual([
      ['forked', 16, 23],
      ['altered', 20, 20],
    ])
  })

  it('that is removed is named with those around it', async () => {
    for (let position = 0; position < 60; position++) {
      const report = await verifyWith(log, lines.toSpliced(position + 1, 1))
      const expected = position === 59 ? ['cut', 59, 59] : ['misplaced', position, position]
      expect(codesAndRuns(report), String(position)).toContainEqual(expected)
      expect(codes(report).every((code) => ['misplaced', 'cut'].includes(code))).toBe(true)
    }
    const { findings } = await verifyWith(log, lines.toSpliced(18, 1))
    const [before, after] = [log.records[16]!.action, log.records[18]!.action]
    expect(findings[0]!.message).toBe(
      `Record 17 is missing: behind record 16 (2026-01-01T00:00:16.000Z, ${before}) comes record 18 (2026-01-01T00:00:18.000Z, ${after}).`,
    )
  })

  it('that is removed while the others get new numbers and hashes leaves the run', async () => {
    const texts = log.records.toSpliced(20, 1).map((record, position) => JSON.stringify({ ...record, position }))
    const checkpoints = lines.slice(61)
    const forged = [headWith({ size: 59 }), ...texts.map(withNewHash), ...checkpoints]
    expect(codesAndRuns(await verifyWith(log, forged))).toEqual([
      ['forked', 16, 23],
      ['cut', 59, 59],
    ])
  })

  it('that is swapped with the next is named, and all others are proved', async () => {
    for (let position = 0; position < 59; position++) {
      const swapped = lines.with(position + 1, lineOf(position + 1)).with(position + 2, lineOf(position))
      const report = await verifyWith(log, swapped)
      expect(report.findings.length, String(position)).toBe(1)
      expect(report.findings[0]).toMatchObject({ code: 'misplaced' })
      expect([position, position + 1]).toContain(report.findings[0]!.from)
      expect(report.checkpointsHeld).toBe(8)
    }
  })

  it('that is moved far away is named, and all others are proved', async () => {
    const moved = lines.toSpliced(11, 1).toSpliced(40, 0, lineOf(10))
    const report = await verifyWith(log, moved)
    expect(codesAndRuns(report)).toEqual([['misplaced', 10, 10]])
    expect(report.findings[0]!.message).toContain('stands too late, behind record 39')
    expect(report.checkpointsHeld).toBe(8)
  })

  it('that is replayed is named, between others or in place of one', async () => {
    const between = await verifyWith(log, lines.toSpliced(31, 0, lineOf(5)))
    expect(codesAndRuns(between)).toEqual([['misplaced', 5, 5]])
    expect(between.findings[0]!.message).toContain('comes twice, the second time behind record 29')
    const inPlace = await verifyWith(log, lines.with(31, lineOf(5)))
    expect(codesAndRuns(inPlace)).toEqual([
      ['misplaced', 5, 5],
      ['misplaced', 30, 30],
    ])
    const twice = await verifyWith(log, lines.toSpliced(31, 0, lineOf(29)))
    expect(codesAndRuns(twice)).toEqual([['misplaced', 29, 29]])
  })

  it('that is added at the end is outside of what is signed, and more than the head says', async () => {
    const added = withNewHash(JSON.stringify(sampleRecord(60)))
    const report = await verifyWith(log, lines.toSpliced(61, 0, added))
    expect(codesAndRuns(report)).toEqual([['trailing', 60, 60]])
    const hidden = await verifyWith(log, lines.toSpliced(61, 0, added).with(0, headWith({ size: 61 })))
    expect(hidden.findings).toEqual([])
    expect(hidden.notes).toContainEqual(expect.objectContaining({ code: 'unsigned-tail', from: 60, to: 60 }))
    expect(hidden.remember?.size).toBe(60)
  })

  it('that is damaged beyond reading is named by its place', async () => {
    for (const damage of ['', '{', '{"hash":1}', '[]', 'null', lineOf(20).slice(0, 50)]) {
      const report = await verifyWith(log, lines.with(21, damage || '!'))
      expect(codesAndRuns(report), damage).toEqual([['malformed', 20, 20]])
      expect(report.notes.map(({ code }) => code)).toContain('unchecked')
    }
    const keptHash = await verifyWith(log, lines.with(21, lineOf(20).slice(0, -1)))
    expect(codesAndRuns(keptHash)).toEqual([['altered', 20, 20]])
    expect(keptHash.checkpointsHeld).toBe(8)
  })
})

describe('an end that is cut off', () => {
  it('is seen by the head', async () => {
    const report = await verifyWith(log, lines.slice(0, 41))
    expect(codesAndRuns(report)).toEqual([
      ['cut', null, null],
      ['unproved', null, null],
      ['cut', 40, 59],
    ])
  })

  it('is seen in the middle of a line', async () => {
    const report = await verifyWith(log, [...lines.slice(0, 41), lineOf(40).slice(0, 100)])
    expect(codesAndRuns(report)).toContainEqual(['malformed', 40, 40])
    expect(codesAndRuns(report)).toContainEqual(['cut', 41, 59])
  })

  it('is seen by the checkpoints inside, whatever the head says', async () => {
    const report = await verifyWith(log, [headWith({ size: 40 }), ...lines.slice(1, 41), ...lines.slice(61)])
    expect(codesAndRuns(report)).toEqual([['cut', 40, 59]])
  })

  const forged = [
    headWith({ size: 40, checkpoints: 5 }),
    ...lines.slice(1, 41),
    ...log.checkpoints.slice(0, 5).map(({ note }) => checkpointLine(note, 0)),
  ]
  it('is seen by a checkpoint from outside', async () => {
    expect(codes(await verifyWith(log, forged))).toEqual([])
    const report = await verifyExport(forged, { sha256, key: log.key, checkpoints: [{ note: noteAt(56) }] })
    expect(codesAndRuns(report)).toEqual([['cut', 40, 55]])
    expect(report.outside).toEqual([{ size: 56, ok: false }])
  })

  it('is seen by what was remembered', async () => {
    const { remember } = await verifyWith(log, lines)
    const report = await verifyExport(forged, { sha256, remembered: remember })
    expect(codesAndRuns(report)).toEqual([['cut', 40, 59]])
    expect(codes(await verifyExport(lines, { sha256, remembered: remember }))).toEqual([])
    // A part from behind the memory cannot be compared with it, and does not take its place.
    const smaller = { ...remember!, size: 24, root: Buffer.from(log.rootAt(24)).toString('base64') }
    expect((await verifyExport(lines, { sha256, remembered: smaller })).remember).toEqual(remember)
    const part = await verifyExport(log.lines(30), { sha256, remembered: smaller })
    expect(part).toMatchObject({ findings: [], remember: null, notes: [{ code: 'outside-earlier' }] })
  })
})

describe('a log that was written anew', () => {
  const changed = log.records.with(20, { ...log.records[20]!, address: '198.51.100.1' })

  it('with a new key is refused by the key, by a checkpoint from outside and by the memory', async () => {
    const anew = (await SampleLog.make(0, 8, { records: changed })).lines()
    expect(codes(await verifyExport(anew, { sha256, key: log.key }))).toEqual(['other-key', 'other-key', 'unproved'])
    const outside = await verifyExport(anew, { sha256, checkpoints: [{ note: noteAt(24) }] })
    expect(codes(outside)).toEqual(['other-key'])
    expect(outside.outside).toEqual([{ size: 24, ok: false }])
    const withKey = await verifyExport(anew, { sha256, checkpoints: [{ note: noteAt(24), key: log.key }] })
    expect(codes(withKey)).toContain('other-key')
    const { remember } = await verifyWith(log, lines)
    expect(codes(await verifyExport(anew, { sha256, remembered: remember }))).toContain('other-key')
  })

  it('with the right key is refused by checkpoints from outside, which name the run', async () => {
    const anew = (await log.fork(changed, 8)).lines()
    expect(codes(await verifyWith(log, anew))).toEqual([])
    const checkpoints = [56, 24, 16, 8].map((size) => ({ note: noteAt(size) }))
    const report = await verifyExport(anew, { sha256, key: log.key, checkpoints })
    expect(codesAndRuns(report)).toEqual([['forked', 16, 23]])
    expect(report.outside.map(({ ok }) => ok)).toEqual([false, false, true, true])
    expect(report.remember).toBeNull()
  })

  it('with the right key is refused by the memory', async () => {
    const { remember } = await verifyWith(log, lines)
    const anew = (await log.fork(changed, 8)).lines()
    // The checkpoint inside of 56 records is good, and the remembered one is of 60.
    expect(codesAndRuns(await verifyExport(anew, { sha256, remembered: remember }))).toEqual([['forked', 56, 59]])
  })

  it('after a backup was restored says so', async () => {
    const restored = [
      ...log.records.slice(0, 30),
      sampleRecord(30, 'authority.restore'),
      ...log.records.slice(31).map((record) => ({ ...record, request: 'r-other' })),
    ]
    const anew = (await log.fork(restored, 8)).lines()
    const report = await verifyExport(anew, { sha256, key: log.key, checkpoints: [{ note: noteAt(32) }] })
    expect(codesAndRuns(report)).toEqual([['forked', 24, 31]])
    expect(report.findings[0]!.message).toContain('Record 30 says that the store was restored from a backup')
    expect(report.notes).toContainEqual(expect.objectContaining({ code: 'restored', from: 30 }))
  })
})

describe('checkpoints', () => {
  const at = (index: number) => 61 + index
  const otherLog = SampleLog.make(60, 8, { origin: 'sealmq/ffeeddccbbaa99887766554433221100' })

  it('of another deployment are refused, inside and from outside', async () => {
    const other = await otherLog
    const foreign = checkpointLine(other.checkpoints[2]!.note, 0)
    expect(codes(await verifyWith(log, lines.with(at(2), foreign)))).toEqual(['other-log'])
    const checkpoints = [{ note: other.checkpoints[2]!.note }]
    const outside = await verifyExport(lines, { sha256, key: log.key, checkpoints })
    expect(codes(outside)).toEqual(['other-log'])
    expect(outside.outside).toEqual([{ size: 24, ok: false }])
    expect(codes(await verifyExport(other.lines(), { sha256, key: log.key }))).toContain('other-log')
  })

  it('altered in size, root or signature are refused', async () => {
    const note = noteAt(24)
    for (const altered of [note.replace('\n24\n', '\n25\n'), note.replace(/\n.(.{42}=)\n/, '\n0$1\n')])
      expect(codes(await verifyWith(log, lines.with(at(2), checkpointLine(altered, 0))))).toEqual(['bad-signature'])
    const report = await verifyWith(log, lines.with(at(2), checkpointLine(withoutSignature(note), 0)))
    expect(codesAndRuns(report)).toEqual([['bad-signature', null, null]])
  })

  it('forged to fit an altered record leave everything from there on unproved', async () => {
    const forgery = await log.fork(log.records.with(20, { ...log.records[20]!, address: '198.51.100.1' }), 8)
    const forged = forgery.checkpoints.map(({ note }) => checkpointLine(withoutSignature(note), 0))
    const file = [...forgery.lines().slice(0, 61), ...lines.slice(61, 63), ...forged.slice(2)]
    expect(codesAndRuns(await verifyWith(log, file))).toEqual([['bad-signature', 16, 59]])
  })

  it('taken away leave records that nothing vouches for', async () => {
    const without = [headWith({ checkpoints: 0 }), ...lines.slice(1, 61)]
    expect(codes(await verifyWith(log, without))).toEqual(['unproved'])
    const earlier = [...log.lines(30).slice(0, 31), checkpointLine(noteAt(24), 0)]
    earlier[0] = JSON.stringify({ ...JSON.parse(earlier[0]!), checkpoints: 1 })
    expect(codes(await verifyWith(log, earlier))).toEqual(['unproved'])
    const upToTheFirst = [...log.lines(24).slice(0, 37), checkpointLine(noteAt(24), 0)]
    upToTheFirst[0] = JSON.stringify({ ...JSON.parse(upToTheFirst[0]!), checkpoints: 1 })
    expect(codes(await verifyWith(log, upToTheFirst))).toEqual(['unproved'])
    const ofNothing = await signCheckpoint(log.signingKey, { origin: log.origin, size: 0, root: log.rootAt(0) })
    const never = [headWith({ checkpoints: 1 }), ...lines.slice(1, 61), checkpointLine(ofNothing, 0)]
    expect(codes(await verifyWith(log, never))).toEqual(['unproved'])
    const fewer = await verifyWith(log, lines.slice(0, -1))
    expect(codes(fewer)).toEqual(['cut'])
    expect(fewer.notes).toContainEqual(expect.objectContaining({ code: 'unsigned-tail', from: 56, to: 59 }))
  })

  it('from outside that cannot be read, or are from before the first record, are told of', async () => {
    const unreadable = await verifyExport(lines, { sha256, checkpoints: [{ note: 'x' }] })
    expect(codes(unreadable)).toEqual(['malformed'])
    expect(unreadable.outside).toEqual([{ size: null, ok: false }])
    const earlier = await verifyExport(log.lines(30), { sha256, key: log.key, checkpoints: [{ note: noteAt(24) }] })
    expect(earlier.outside).toEqual([{ size: 24, ok: null }])
    expect(earlier.notes.map(({ code }) => code)).toContain('outside-earlier')
  })

  it('out of order, or before records, are told of', async () => {
    const swapped = lines.with(at(1), lines[at(2)]!).with(at(2), lines[at(1)]!)
    expect(codes(await verifyWith(log, swapped))).toEqual(['malformed'])
    // One that was made up does not hide what those behind it say.
    const text = JSON.stringify({ ...log.records[20]!, address: '198.51.100.1' })
    const [first, madeUp] = [lines.slice(0, 61), checkpointLine(withoutSignature(noteAt(56)), 0)]
    const report = await verifyWith(log, [...first.with(21, withNewHash(text)), madeUp, ...lines.slice(61)])
    expect(codesAndRuns(report)).toContainEqual(['forked', 16, 23])
    const early = [lines[0]!, lines[at(0)]!, ...lines.slice(1, 61), ...lines.slice(62)]
    expect(codes(await verifyWith(log, early))).toContain('malformed')
  })
})

describe('what is to be known', () => {
  it('is a clock that was set back', async () => {
    const records = log.records.with(20, { ...log.records[20]!, time: log.records[20]!.time - 5_000 })
    const report = await verifyWith(log, (await log.fork(records, 8)).lines())
    expect(report.findings).toEqual([])
    expect(report.notes).toContainEqual(expect.objectContaining({ code: 'clock-back', from: 20, to: 20 }))
  })
})

describe('a file made to do harm', () => {
  it('fills no memory with findings', async () => {
    const many = Array.from({ length: 5_000 }, () => '!')
    const checkpoints = [{ note: noteAt(24).replace('\n24\n', '\n23\n') }]
    const report = await verifyExport([lines[0]!, ...many], { sha256, key: log.key, checkpoints })
    expect(report.findings.filter(({ code }) => code === 'malformed').length).toBe(500)
    expect(report.moreFindings).toBe(4_500)
    expect(codes(report)).toContain('bad-signature')
  })

  it('with positions, sizes and depths beyond all measure ends with a report', async () => {
    const far = withNewHash(JSON.stringify({ ...sampleRecord(20), position: 2 ** 53 - 1 }))
    const deep = recordLine(new Uint8Array(32), `${'['.repeat(500_000)}`)
    const reports = await Promise.all([
      verifyWith(log, lines.with(21, far)),
      verifyWith(log, [headWith({ size: 2 ** 53 - 1, checkpoints: 2 ** 53 - 1 }), ...lines.slice(1)]),
      verifyWith(log, lines.with(21, deep)),
      verifyWith(log, lines.with(21, 'x'.repeat(2 * 1024 * 1024))),
      verifyWith(log, lines.toReversed()),
      verifyWith(log, []),
      verifyWith(log, ['']),
    ])
    for (const { findings } of reports) expect(findings).not.toEqual([])
    expect(codesAndRuns(reports[0]!)).toContainEqual(['misplaced', 20, 20])
  })

  it('takes a time that grows with its length only', async () => {
    const jumps = Array.from({ length: 10_000 }, (_, index) => withNewHash(JSON.stringify(sampleRecord(index * 3 + 7))))
    const back = jumps.toReversed()
    const began = performance.now()
    for (const hostile of [jumps, back]) {
      const report = await verifyWith(log, [lines[0]!, ...hostile])
      expect(report.moreFindings).toBeGreaterThan(2_000)
    }
    expect(performance.now() - began).toBeLessThan(30_000)
  })
})
