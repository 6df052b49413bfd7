import { runService } from '@longshore/service';
import { balancerService } from './index.ts';

await runService(balancerService);
