/** What the element's types show of Lit, which is bundled: in the package this stands in its place. */

export interface CSSResult {
  readonly cssText: string;
}

export type PropertyValues<T = unknown> = Map<keyof T, unknown>;

export declare class LitElement extends HTMLElement {
  /** Whether it was rendered before. */
  readonly hasUpdated: boolean;
  /** Resolves after the next rendering. */
  readonly updateComplete: Promise<boolean>;
  requestUpdate(): void;
  connectedCallback(): void;
  disconnectedCallback(): void;
  protected willUpdate(changed: PropertyValues): void;
  protected firstUpdated(changed: PropertyValues): void;
  protected updated(changed: PropertyValues): void;
  protected render(): unknown;
}
