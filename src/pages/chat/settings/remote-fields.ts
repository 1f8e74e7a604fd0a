/** The part of the settings about a server. Its fields have no names: a reset of the settings leaves them, and no list of settings has the key. */
import { create } from '../../shared/dom.ts';
import { describeField } from './field.ts';
import { readRemote, setRemoteKey, writeRemote } from './remote.ts';

export function createRemoteFields(): HTMLElement {
  const { baseURL, model } = readRemote();
  const address = create('input', { type: 'url', value: baseURL, placeholder: 'None', autocomplete: 'off' });
  const name = create('input', { type: 'text', value: model, placeholder: 'None', autocomplete: 'off' });
  const secret = create('input', { type: 'password', placeholder: 'None', autocomplete: 'off' });
  for (const field of [address, name]) {
    field.addEventListener('input', () => {
      const url = address.value.trim();
      address.ariaInvalid = String(!address.validity.valid);
      writeRemote({ baseURL: address.validity.valid ? url : '', model: name.value.trim() });
    });
  }
  secret.addEventListener('input', () => setRemoteKey(secret.value.trim()));
  return create(
    'section',
    { className: 'settings-part' },
    create('h3', {}, 'A server that may go on'),
    create(
      'p',
      { className: 'hint' },
      'Where this device cannot hold the model, or loses it in the middle of an answer, the conversation is sent to this ' +
        'OpenAI-compatible server. Without an address nothing ever leaves this machine. Counts from the next load of a model.',
    ),
    describeField(address, 'Address of the server', 'Up to /v1, as clients of OpenAI have it.'),
    describeField(name, 'Model on the server', 'As the server calls it. The same model goes on best.'),
    describeField(secret, 'Key', 'Sent to this server only, and forgotten when the page is closed or reloaded.'),
  );
}
