import { expect, test } from 'vitest';
import { leasesText } from './leases.ts';

const text = (hostname: string) => leasesText([{ mac: '52:54:00:00:00:01', ipv4: '10.0.0.5', hostname }]);

test.each(['web1', 'a.example', '10.0.0.9.nip.example', '3w-cache', '7days', 'ignored', 'x12h'])(
  '%s is given as host name',
  (hostname) => expect(text(hostname)).toBe(`52:54:00:00:00:01,10.0.0.5,${hostname}\n`),
);

test.each(['10.0.0.9', '1.2', '7', '12h', '3w', '30s', 'ignore', 'infinite'])(
  '%s would be read as something else, and is left out',
  (hostname) => expect(text(hostname)).toBe('52:54:00:00:00:01,10.0.0.5\n'),
);
