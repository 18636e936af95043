import { everyTestIsOf } from '../../scripts/bar.ts'
import './client-attacks.test.ts'

everyTestIsOf(4, 'A client on a broker in the hands of an attacker', 'attacks')
