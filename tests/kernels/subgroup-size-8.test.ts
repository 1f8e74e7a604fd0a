import { testSubgroupSize } from './subgroup-size.ts';

testSubgroupSize(8);
