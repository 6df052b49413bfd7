import { useIndexTarget } from './index-target.ts';
import { describeKills } from './kills-suite.ts';

describeKills(useIndexTarget());
