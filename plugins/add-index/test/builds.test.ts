import { describeBuilds } from './builds-suite.ts';
import { useIndexTarget } from './index-target.ts';

describeBuilds(useIndexTarget());
