import { describeDefinitions } from './definitions-suite.ts';
import { useIndexTarget } from './index-target.ts';

describeDefinitions(useIndexTarget());
