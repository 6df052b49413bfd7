import { runService } from '@longshore/service';
import { executorService } from './index.ts';

await runService(executorService);
