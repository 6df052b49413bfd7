import { startBroker } from '@longshore/embedded';
import { describeBus } from './bus-suite.ts';

describeBus('the embedded broker', startBroker);
