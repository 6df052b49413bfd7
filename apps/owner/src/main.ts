import { runService } from '@longshore/service';
import { ownerService } from './index.ts';

await runService(ownerService);
