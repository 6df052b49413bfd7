#!/usr/bin/env node
import { runService } from '@longshore/service';
import { nodeManagerService } from './index.ts';

await runService(nodeManagerService);
