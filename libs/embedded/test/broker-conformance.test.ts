import { startBroker } from '../src/index.ts';
import { describeClient } from './conformance/client-suite.ts';
import { describeProtocol } from './conformance/raw-suite.ts';

describeProtocol(startBroker);
describeClient(startBroker);
