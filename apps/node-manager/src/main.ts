import { runService } from '@longshore/service';
import { nodeManagerService } from './index.ts';

await runService(nodeManagerService);
