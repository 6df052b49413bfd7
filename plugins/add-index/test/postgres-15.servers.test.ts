import { describe } from 'vitest';
import { describeBuilds } from './builds-suite.ts';
import { startDebianPostgres } from './debian-postgres.ts';
import { describeDefinitions } from './definitions-suite.ts';
import { useIndexTarget } from './index-target.ts';
import { describeKills } from './kills-suite.ts';

describe('on PostgreSQL 15', () => {
  const target = useIndexTarget(startDebianPostgres);
  describeBuilds(target);
  describeDefinitions(target);
  describeKills(target);
});
