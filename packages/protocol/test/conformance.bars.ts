import { everyTestIsOf } from '../../../scripts/bar.ts'
import './cryptography.test.ts'
import './vectors.test.ts'

everyTestIsOf(3, 'Published and own vectors: the valid are accepted, the invalid refused, on both back ends', 'cases')
