import { everyTestIsOf } from '../../../scripts/bar.ts'
import './passwords.test.ts'

everyTestIsOf(12, 'Passwords: length, strength, form, Argon2id, imports, change and reset', 'cases')
