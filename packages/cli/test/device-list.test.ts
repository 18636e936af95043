import { describe, expect, it } from 'vitest'
import { readDeviceList } from '../src/device-list.ts'

const read = (...lines: string[]) => readDeviceList('devices.csv', lines.join('\n'))

describe('a list of devices', () => {
  it('gives names, roles and lines', () => {
    expect(read('\uFEFFName, Role\r', 'pump-1,sensor', '', '"Pump-2" , "sensor; viewer"', '')).toEqual([
      { name: 'pump-1', roles: ['sensor'], line: 2 },
      { name: 'Pump-2', roles: ['sensor', 'viewer'], line: 4 },
    ])
  })

  it.each([
    ['without its head', ['pump-1,sensor'], 'line 1: it is not the head name,role'],
    ['that is empty', [''], 'line 1: '],
    ['without devices', ['name,role', ''], 'line 2: there are no devices'],
    ['without a role', ['name,role', 'a,sensor', 'b,'], 'line 3: it is not name,role'],
    ['with one cell', ['name,role', 'a'], 'line 2: it is not name,role'],
    ['with three cells', ['name,role', 'a,sensor,viewer'], 'line 2: it is not name,role'],
    ['with a name that is no level of a topic', ['name,role', 'a/b,sensor'], 'line 2: a/b is no name of a device'],
    ['with an address for a name', ['name,role', 'a@b,sensor'], 'line 2: a@b is no name of a device'],
    ['with a name twice', ['name,role', 'a,sensor', 'A,sensor'], 'line 3: A is there twice'],
  ])('%s is refused', (_what, lines, text) => {
    expect(() => read(...lines)).toThrow(`devices.csv: ${text}`)
  })
})
