export { Announcer, SentenceSplitter } from '../../../element/announcer.ts';
