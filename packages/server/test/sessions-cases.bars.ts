import { everyTestIsOf } from '../../../scripts/bar.ts'
import './sessions.test.ts'

everyTestIsOf(13, 'Sessions: causes of their end, cookies, foreign origins, step-up of every change', 'cases')
