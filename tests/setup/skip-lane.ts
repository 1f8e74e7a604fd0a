/** A Vitest runner for a lane whose machine is missing: every test is collected, named and skipped; no hook runs. */
import { type RunnerTask, type RunnerTestFile, TestRunner } from 'vitest';

export default class SkipLaneRunner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    for (const file of files) skip(file);
  }
}

function skip(task: RunnerTask): void {
  task.mode = 'skip';
  if ('tasks' in task) for (const child of task.tasks) skip(child);
}
