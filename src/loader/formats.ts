/** What only some models need: readers of formats that are not plain, and jobs that convert what they hold. Loaded for those. */
export { EVERY_FORMAT } from '../checkpoint/formats/every.ts';
export { MatrixJobs } from '../model/layout/matrix-jobs.ts';
