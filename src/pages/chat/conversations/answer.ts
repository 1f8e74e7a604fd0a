/** What an answer may hold besides its text, as it is kept. Pure. */

/** A tool that the model wants to be called. */
export interface CallMade {
  readonly id: string;
  readonly name: string;
  /** JSON text of an object. */
  readonly arguments: string;
}

/** A token that the model could have chosen. */
export interface TokenChance {
  readonly text: string;
  /** Natural logarithm of its probability, <= 0. */
  readonly logprob: number;
}

/** A token of the answer, and the most probable ones at its place, falling. */
export interface ChosenToken extends TokenChance {
  readonly top: readonly TokenChance[];
}

/** A layer with experts. */
export interface RoutedLayer {
  /** The layer's number in the model. */
  readonly layer: number;
  readonly attention: 'chunked' | 'global';
  readonly rope: boolean;
}

/** Which expert each token took: one byte per token and layer, so 48 bytes per token of Scout, and the tokens' texts. */
export interface Routes {
  readonly layers: readonly RoutedLayer[];
  /** Experts per layer, at most 256. */
  readonly numExperts: number;
  /** Place of the first token in the context, from 0; those before it are the prompt's, whose routes nobody reports. */
  readonly start: number;
  /** Of the tokens in order, the prompt's last one first. */
  readonly texts: readonly string[];
  /** [tokens, layers] */
  readonly experts: Uint8Array<ArrayBuffer>;
}

/** Of an answer that a server computed, all of it or a part. */
export interface ComputedElsewhere {
  /** Such as `https://gpu.example`. */
  readonly origin: string;
  /** The server's name of the model. */
  readonly model: string;
  /** UTF-16 units at the text's start that were written here before the server began anew: no part of its answer. */
  readonly superseded?: number | undefined;
}

/** The parts of an answer that come with it, each where there is such a thing. */
export interface AnswerParts {
  readonly calls?: readonly CallMade[] | undefined;
  /** All tokens, calls included; where probabilities were asked for. */
  readonly tokens?: readonly ChosenToken[] | undefined;
  readonly routes?: Routes | undefined;
  readonly remote?: ComputedElsewhere | undefined;
}

/** The largest number of experts whose routes fit into bytes. */
export const mostExperts = 256;
