import { everyTestIsOf } from '../../../scripts/bar.ts'
import './second-factor.test.ts'

everyTestIsOf(9, 'Each TOTP step, recovery code and mailed code is taken once, and failures lock', 'cases')
