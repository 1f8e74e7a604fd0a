/**
 * A checkpoint's own chat template, rendered as Hugging Face Transformers renders it, with one addition: special tokens
 * come out as such only where the template itself writes them. The same text inside a message, a tool, an argument or a
 * key is text.
 */
import { Environment } from '@huggingface/jinja';
import { OutriderError } from '../errors.ts';
import type { Segment, Tokenizer } from '../tokenizer/tokenizer.ts';
import { PythonInterpreter } from './interpreter.ts';
import { createMarks, createSplitter, type Marks, type Piece } from './marks.ts';
import type { CompiledTemplate, Program } from './program.ts';
import { messageOf, templateError } from './refusal.ts';
import { strftime } from './strftime.ts';

/** A message as the template reads it. Keys whose value is null are dropped, as Transformers does. */
export type TemplateMessage = Readonly<Record<string, unknown>>;

export interface RenderInput {
  readonly messages: readonly TemplateMessage[];
  /** Tool descriptions, usually `{ type: 'function', function: { name, description, parameters } }`. */
  readonly tools?: readonly unknown[] | null | undefined;
  /** Whether to end with the header of the answer. */
  readonly addGenerationPrompt: boolean;
  /** Further variables, by name. */
  readonly templateKwargs?: Readonly<Record<string, unknown>> | undefined;
}

/** A piece of a prompt, or the place of a message's content. */
export type OpenSegment = Segment | { readonly message: number };

export interface ChatTemplate {
  /**
   * The prompt. Neighbouring text is one segment; no segment is empty.
   * @throws OutriderError `template_error` where the template, or Transformers, refuses the conversation
   */
  render(input: RenderInput): Segment[];
  /** The same, with the content of the given messages left open. */
  renderOpen(input: RenderInput, open: ReadonlySet<number>): OpenSegment[];
}

export interface TemplateOptions {
  /** What the template's `strftime_now` reads. Default: the clock. */
  readonly now?: () => Date;
}

/**
 * @param compiled what `compileTemplate` made of the template's source
 * @param namedTokens texts of `bos_token` and its kin
 * @throws OutriderError `template_error` if the template builds special tokens out of pieces
 */
export function createChatTemplate(
  { source, specials, program }: CompiledTemplate,
  { namedTokens: texts }: Pick<Tokenizer, 'namedTokens'>,
  { now = () => new Date() }: TemplateOptions = {},
): ChatTemplate {
  const split = createSplitter(specials);

  const renderOpen = (input: RenderInput, open: ReadonlySet<number>): OpenSegment[] => {
    const { messages, tools, templateKwargs } = plainData(input);
    const marks = createMarks(source + JSON.stringify([messages, tools, templateKwargs, texts]));
    const namedTokens = Object.entries(texts).map(([name, text]) => [name, split(text) ?? [text]] as const);
    const variables = {
      ...globals(now),
      ...Object.fromEntries(namedTokens.map(([name, pieces]) => [name, marks.literal(pieces)])),
      ...templateKwargs,
      messages: messages.map((message, index) =>
        templateMessage(message, open.has(index) ? marks.message(index) : null),
      ),
      tools,
      documents: null,
      add_generation_prompt: input.addGenerationPrompt,
    };
    const toSegment = (piece: Piece): OpenSegment =>
      'specialIndex' in piece ? { special: specials[piece.specialIndex]! } : piece;
    return marks.read(runProgram(program, variables, marks)).map(toSegment);
  };

  const template: ChatTemplate = {
    render: (input) => renderOpen(input, new Set()) as Segment[],
    renderOpen,
  };
  refuseBuiltSpecials(template, specials);
  return template;
}

function runProgram(program: Program, variables: Record<string, unknown>, marks: Marks): string {
  try {
    const environment = new Environment();
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    return new PythonInterpreter(environment, marks).run(program).value as string;
  } catch (cause) {
    throw templateError(`The chat template refuses this conversation: ${messageOf(cause)}.`, cause);
  }
}

/** What Transformers' environment defines. Jinja's constants are variables in the library. */
function globals(now: () => Date): Record<string, unknown> {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    raise_exception: (message: unknown) => {
      throw new Error(String(message));
    },
    range: (...bounds: number[]) => range(...bounds),
    strftime_now: (format: unknown) => strftime(now(), String(format)),
  };
}

function range(...bounds: number[]): number[] {
  const [start, stop, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  if (step === 0) throw new RangeError('the step of range() is 0');
  return Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, index) => start + index * step);
}

interface PlainInput {
  readonly messages: TemplateMessage[];
  readonly tools: unknown[] | null;
  readonly templateKwargs: Record<string, unknown>;
}

/** A copy by way of JSON: what is searched for a free mark is then all that the template can see. */
function plainData({ messages, tools, templateKwargs }: RenderInput): PlainInput {
  let data: PlainInput;
  try {
    data = JSON.parse(JSON.stringify({ messages, tools: tools ?? null, templateKwargs: templateKwargs ?? {} }));
  } catch (cause) {
    throw new OutriderError('invalid_request', `The conversation is not plain data: ${messageOf(cause)}.`, { cause });
  }
  if (!Array.isArray(data.messages) || data.messages.length === 0) {
    throw templateError('The conversation has 0 messages; it needs at least one.');
  }
  const wrong = data.messages.findIndex((message) => typeof message !== 'object' || message === null);
  if (wrong >= 0) throw templateError(`messages[${wrong}] is ${JSON.stringify(data.messages[wrong])}, not an object.`);
  return data;
}

function templateMessage(message: TemplateMessage, content: string | null): TemplateMessage {
  const present = Object.entries(message).filter(([, value]) => value !== null);
  return Object.fromEntries(content === null ? present : [...present, ['content', content]]);
}

/**
 * A template that puts a special token together, such as '<|' + role + '|>', would print it as text here, which is
 * another prompt than the model was trained on. A harmless conversation shows it.
 */
function refuseBuiltSpecials(template: ChatTemplate, specials: readonly string[]): void {
  let segments: Segment[];
  try {
    segments = template.render({ messages: [{ role: 'user', content: 'Hello' }], addGenerationPrompt: true });
  } catch {
    return; // It wants another kind of conversation; real ones get their error when they are rendered.
  }
  const built = specials.find((special) =>
    segments.some((segment) => 'text' in segment && segment.text.includes(special)),
  );
  if (built !== undefined) {
    throw templateError(`The chat template puts "${built}" together from pieces; it must be written as one string.`);
  }
}
