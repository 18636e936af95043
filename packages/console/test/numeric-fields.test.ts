import { createDecipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { numericFields } from '../src/worker/numeric-fields.ts'

const encoder = new TextEncoder()
const fieldsOf = (text: string) => Object.fromEntries(numericFields(encoder.encode(text)))

describe('numbers of a payload', () => {
  it('are found in JSON, by their path', () => {
    expect(fieldsOf('{"temperature":21.4,"unit":"C","motor":{"current":3},"axes":[1,{"y":2}],"on":true}')).toEqual({
      temperature: 21.4,
      'motor.current': 3,
      'axes[0]': 1,
      'axes[1].y': 2,
    })
  })

  it('are found in CSV, by column or by header', () => {
    expect(fieldsOf('21.4,ok,7')).toEqual({ 'column 1': 21.4, 'column 3': 7 })
    expect(fieldsOf('2020-03-09 10:14:33;0,026;1.5e-3')).toEqual({ 'column 2': 0.026, 'column 3': 0.0015 })
    expect(
      fieldsOf('datetime;Accelerometer1RMS;Current\n2020-03-09 10:14:33;0.026;1\n2020-03-09 10:14:34;0.027;2'),
    ).toEqual({ Accelerometer1RMS: 0.027, Current: 2 })
  })

  it('are a number alone', () => {
    expect(fieldsOf(' -1.5 ')).toEqual({ value: -1.5 })
    expect(fieldsOf('42')).toEqual({ value: 42 })
  })

  it('are none of text, and none of what is broken or too much', () => {
    for (const text of ['hi', 'Today is Monday', '', '{"a":', '[', '1,2\n3', 'NaN', '1e999', 'Hello, world']) {
      expect(fieldsOf(text), text).toEqual({})
    }
    expect(fieldsOf(JSON.stringify(Array.from({ length: 100_000 }, (_, index) => index)))).toEqual({})
    expect(Object.keys(fieldsOf(JSON.stringify(Array.from({ length: 200 }, () => 1)))).length).toBe(64)
    expect(numericFields(new Uint8Array([0xff, 0xfe, 0x00]))).toEqual(new Map())
  })

  it('survive any JSON value, and are those that were put in', () => {
    let state = 7
    const random = () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state / 2_147_483_648
    }
    for (let round = 0; round < 500; round++) {
      const values = Object.fromEntries(
        Array.from({ length: 5 }, (_, index) => [`k${index}`, [random() * 1e6 - 5e5, 'text', null, true][round % 4]]),
      )
      const found = fieldsOf(JSON.stringify(values))
      expect(found).toEqual(Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === 'number')))
    }
  })

  it('are found in what the original system sent', () => {
    // Payload and keys of one message of the original (AES-128-CBC of its text).
    const key = Buffer.from('hEIxP7cO3vEK9zxkWfsv2g==', 'base64')
    const payload = Buffer.from(
      'QJAgMTiUmQuroxiDTgauVSG5XDujRM4QJBR89F4/VOCFxso+elN1re5qngN+gdnVU47lIoIsL77NvDbsKp4a0TKWRDdvFGN7pfFPCVWWH2w=',
      'base64',
    )
    const decipher = createDecipheriv('aes-128-cbc', key, payload.subarray(0, 16))
    const text = Buffer.concat([decipher.update(payload.subarray(16, -32)), decipher.final()])
    expect(Object.fromEntries(numericFields(text))).toEqual({ temperature: 21.4 })
  })
})
