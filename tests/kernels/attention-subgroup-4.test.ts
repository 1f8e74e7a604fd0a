import { testAttentionSubgroupSize } from './attention-subgroup.ts';

testAttentionSubgroupSize(4);
