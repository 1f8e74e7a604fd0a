/** `outrider COMMAND …`: finds the command and turns its failure into one readable message and exit code 1. */
import { OutriderError } from '../errors.ts';

interface Command {
  readonly summary: string;
  /** Resolves to the exit code. Results go to stdout, progress to stderr. */
  readonly load: () => Promise<(argv: readonly string[]) => Promise<number>>;
}

const commands: Readonly<Record<string, Command>> = {
  convert: {
    summary: 'IN OUT [--group-size N] [--ignore PATTERN…]   a checkpoint to compressed-tensors int4',
    load: async () => (await import('./convert.ts')).main,
  },
  check: {
    summary: 'FOLDER… [--adapter A] [--no-f16] [--no-subgroups]   golden folders against this machine',
    load: async () => (await import('./check.ts')).main,
  },
  plan: {
    summary: 'SOURCE [--context N] [--budget SIZE] [options]   what a model would need, before any download',
    load: async () => (await import('./plan.ts')).main,
  },
  serve: {
    summary: 'SOURCE [--port N] [--token T] [--cors ORIGIN] [options]   the OpenAI API for clients on this machine',
    load: async () => (await import('./serve.ts')).main,
  },
  ghost: {
    summary: 'NAME [options]   a full-size checkpoint over HTTP, without a disk',
    load: async () => (await import('./ghost.ts')).main,
  },
  bench: {
    summary: '[MODEL] [--where PLACE] [--quick] [options]   how fast kernels and a model are here',
    load: async () => (await import('./bench.ts')).main,
  },
  'bench-load': {
    summary: '[--gb N] [--where PLACE] [--stage STAGES]   how fast a model loads here, stage by stage',
    load: async () => (await import('./bench-load.ts')).main,
  },
};

function usage(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  outrider ${name} ${summary}`);
  return ['Usage:', ...lines].join('\n');
}

async function run([name, ...argv]: readonly string[]): Promise<number> {
  const command = name === undefined ? undefined : commands[name];
  if (command) return (await command.load())(argv);
  const asked = name === undefined || name === '--help' || name === '-h';
  (asked ? console.log : console.error)(asked ? usage() : `There is no command "${name}".\n${usage()}`);
  return asked ? 0 : 1;
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof OutriderError ? `outrider: ${error.message} [${error.code}]` : error);
  process.exitCode = 1;
}
