/** The subjects on one model, in one Chromium, a tab each, asked in turns: a busy spell of the machine falls on all alike. */
import { OutriderError } from '../../../errors.ts';
import type { Chromium, Session } from '../../browser/cdp.ts';
import { withChromium } from '../../browser/chromium.ts';
import { wordPrompt } from './prompts.ts';
import { busyShare } from './quiet.ts';
import {
  type Completed,
  type LoadedSubject,
  MEASURES,
  type Measure,
  type ModelResult,
  type PeersPage,
  type Rate,
  SUBJECTS,
  type Subject,
  type SubjectResult,
} from './types.ts';

/** Prompts, their answers, and a few tokens to spare: what wllama would allocate too. */
const CONTEXT_LENGTH = 1024;
const CHECK_PROMPTS = 3;
const CHECK_TOKENS = 16;
/** Before a decode, so that little but decoding happens. */
const DECODE_PROMPT_TOKENS = 8;

export interface TurnsOptions {
  readonly chromium: string;
  readonly pageUrl: string;
  readonly model: string;
  readonly vocabSize: number;
  readonly rounds: number;
  readonly onProgress: (text: string) => void;
}

/** @throws OutriderError `invalid_request` where an answer is not what was asked for: the rates would mean nothing */
export async function runTurns(options: TurnsOptions): Promise<ModelResult> {
  const { model, rounds, onProgress } = options;
  return withPeersChromium(options.chromium, async (chromium) => {
    const tabs: Tab[] = [];
    for (const subject of SUBJECTS) {
      onProgress(`${model}: loading ${subject} …`);
      tabs.push(await Tab.open(chromium, subject, options));
    }
    for (const tab of tabs) await tab.check();
    const prefills = MEASURES.filter(({ kind }) => kind === 'prefill');
    for (const measure of prefills) for (const tab of tabs) await tab.run(measure, rounds); // compiles what this shape needs
    const busy: number[] = [];
    for (let round = 0; round < rounds; round++) {
      busy.push(await busyShare());
      const turn = tabs.map((_, index) => tabs[(index + round) % tabs.length]!);
      for (const measure of MEASURES) {
        for (const tab of turn) {
          const rate = await tab.keep(measure, round);
          onProgress(
            `${model}, round ${round + 1}: ${tab.subject} ${measure.kind} ${measure.tokens}: ${rate.toFixed(1)}/s`,
          );
        }
      }
    }
    return { model, busy: median(busy), subjects: tabs.map((tab) => tab.result()) };
  });
}

/** Tabs behind another one would be slowed down. */
const FLAGS = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** The peers' Chromium, or the stock one: in the folder's own copy, SwiftShader is lavapipe. */
export function withPeersChromium<T>(executable: string, use: (chromium: Chromium) => Promise<T>): Promise<T> {
  return withChromium({ executable, adapter: 'swiftshader', flags: FLAGS }, use);
}

type Open = () => Promise<{
  readonly loaded: LoadedSubject;
  readonly complete: PeersPage['complete'];
  readonly close: () => Promise<void>;
}>;

/** A subject that has loaded the model, and what it has done so far. */
class Tab {
  readonly subject: Subject;
  readonly #vocabSize: number;
  readonly #open: Open;
  #page: Awaited<ReturnType<Open>>;
  #crashes = 0;
  readonly #runs = new Map<Measure, Completed[]>(MEASURES.map((measure) => [measure, []]));
  readonly #answers: (readonly number[])[] = [];

  private constructor(subject: Subject, vocabSize: number, open: Open, page: Awaited<ReturnType<Open>>) {
    this.subject = subject;
    this.#vocabSize = vocabSize;
    this.#open = open;
    this.#page = page;
  }

  static async open(chromium: Chromium, subject: Subject, { pageUrl, model, vocabSize }: TurnsOptions): Promise<Tab> {
    const open = async () => {
      const page: Session = await chromium.open(pageUrl, "'loadSubject' in window");
      const request = JSON.stringify({ subject, model, contextLength: CONTEXT_LENGTH });
      const loaded = await chromium.evaluate<LoadedSubject>(page, `loadSubject(${request})`);
      const complete = (prompt: string, tokens: number) =>
        chromium.evaluate<Completed>(page, `complete(${JSON.stringify(prompt)}, ${tokens})`);
      return { loaded, complete, close: () => chromium.closePage(page) };
    };
    return new Tab(subject, vocabSize, open, await open());
  }

  /** Takes down the answers to the check prompts. */
  async check(): Promise<void> {
    for (let salt = 0; salt < CHECK_PROMPTS; salt++) {
      this.#answers.push((await this.#ask(CHECK_TOKENS, salt, CHECK_TOKENS)).ids);
    }
  }

  run({ kind, tokens }: Measure, round: number): Promise<Completed> {
    const salt = CHECK_PROMPTS + round;
    return kind === 'prefill' ? this.#ask(tokens, salt, 1) : this.#ask(DECODE_PROMPT_TOKENS, salt, tokens + 1);
  }

  /** Runs it for the result; tokens per second. */
  async keep(measure: Measure, round: number): Promise<number> {
    const completed = await this.run(measure, round);
    this.#runs.get(measure)!.push(completed);
    return (1000 * measure.tokens) / wallMs(measure, completed);
  }

  result(): SubjectResult {
    const rates = [...this.#runs].map(([measure, runs]) => rateOf(measure, runs));
    return { subject: this.subject, ...this.#page.loaded, rates, answers: this.#answers, crashes: this.#crashes };
  }

  async #ask(promptTokens: number, salt: number, tokens: number): Promise<Completed> {
    const completed = await this.#complete(wordPrompt(promptTokens, this.#vocabSize, salt), tokens);
    const { promptTokens: fed, ids } = completed;
    if (fed === promptTokens && ids.length === tokens) return completed;
    const message = `${this.subject} was asked to read ${promptTokens} tokens and to answer with ${tokens}; it read ${fed} and answered with ${ids.length}. Use models whose vocabulary the peers' folder made.`;
    throw new OutriderError('invalid_request', message);
  }

  /** Peers give up after half a minute on a GPU that other things keep busy; the rest of the run need not fall with them. */
  async #complete(prompt: string, tokens: number): Promise<Completed> {
    try {
      return await this.#page.complete(prompt, tokens);
    } catch (error) {
      if (this.subject === 'outrider') throw error;
      this.#crashes++;
      await this.#page.close();
      this.#page = await this.#open();
      return this.#page.complete(prompt, tokens);
    }
  }
}

function wallMs({ kind }: Measure, { totalMs, decodeMs }: Completed): number {
  return kind === 'prefill' ? totalMs : decodeMs;
}

function rateOf(measure: Measure, runs: readonly Completed[]): Rate {
  const { kind, tokens } = measure;
  const perSecond = (ms: number) => (1000 * tokens) / ms;
  const runsMs = runs.map((run) => wallMs(measure, run));
  const ownMs = runs.map((run) => (kind === 'prefill' ? run.ownPrefillMs : run.ownDecodeMs));
  return {
    measure,
    median: perSecond(median(runsMs)),
    best: perSecond(Math.min(...runsMs)),
    own: perSecond(median(ownMs)),
    runsMs,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
