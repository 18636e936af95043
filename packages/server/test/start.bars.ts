import { everyTestIsOf } from '../../../scripts/bar.ts'
import './start.test.ts'

everyTestIsOf(20, 'What is wrong with settings, files and stores stops the start with a typed error', 'cases')
