import { expect, test } from 'vitest';
import { parseDistroInfo, parseOsRelease } from './system.ts';

const debian = `version,codename,series,created,release,eol,eol-lts,eol-elts
11,Bullseye,bullseye,2019-07-06,2021-08-14,2024-08-14,2026-08-31,2031-06-30
12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30
14,Forky,forky,2025-08-09
,Sid,sid,1993-08-16
`;
const ubuntu = `version,codename,series,created,release,eol,eol-server,eol-esm
24.04 LTS,Noble Numbat,noble,2023-10-26,2024-04-25,2029-05-31,2029-05-31,2034-04-25
24.10,Oracular Oriole,oracular,2024-04-25,2024-10-10,2025-07-10
`;

test.each([
  [debian, '12', '2028-06-30'],
  [debian, '11', '2026-08-31'],
  [debian, '14', undefined],
  [debian, '99', undefined],
  [debian, '', undefined],
  [ubuntu, '24.04', '2029-05-31'],
  [ubuntu, '24.10', '2025-07-10'],
  ['', '12', undefined],
  ['not,a,table\n12,x', '12', undefined],
])('support ends', (csv, version, day) => {
  expect(parseDistroInfo(csv, version)).toBe(day);
});

test.each([
  ['ID=debian\nVERSION_ID="12"\n', { id: 'debian', version: '12' }],
  ['NAME=x\n', undefined],
])('os-release', (text, system) => {
  expect(parseOsRelease(text)).toEqual(system);
});
