/** hw:mem_page_size: which pages stand behind the guest's memory. */
import { invalid } from '../refusal.ts';
import { type Settings, wordOf } from '../specs/settings.ts';

/** `small`: the smallest of the host; `large`: the largest that fits, but not the smallest; `any`: the largest that fits; or KiB. */
export type PageSize = 'small' | 'large' | 'any' | number;

const units = { '': 0, k: 1, K: 1, M: 2, G: 3, T: 4 } as const;
const FORM = /^(\d{1,12})(?:([kKMGT])i?)?(b|bit|B)?$/;

/**
 * `2048` is KiB; with a unit (`2MB`, `1G`, `2MiB`) it is bytes by powers of 1024; `b` and `bit` mean bits.
 * @throws GantryError `invalid_property`
 */
export function parsePageSize(key: string, text: string): PageSize {
  if (text === 'small' || text === 'large' || text === 'any') return text;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const parts = FORM.exec(text);
  if (!parts)
    throw invalid(key, text, 'it is not small, large, any or a size such as 2MB', 'MemoryPageSizeInvalid');
  const unit = units[(parts[2] ?? '') as keyof typeof units];
  const bits = parts[3] === 'b' || parts[3] === 'bit';
  return Math.ceil((Number(parts[1]) * 1024 ** unit) / (bits ? 8 : 1)) / 1024;
}

/**
 * The image may only refine what the flavor leaves open (`large`, `any`).
 * @throws GantryError `invalid_property`
 */
export function pageSizeFrom(settings: Settings): PageSize | undefined {
  const flavor = wordOf<string>(settings, 'flavor', 'hw:mem_page_size');
  const image = wordOf<string>(settings, 'image', 'hw_mem_page_size');
  if (!flavor) {
    if (image)
      throw invalid(
        image.source,
        image.value,
        'an image may choose a page size only where its flavor has hw:mem_page_size=large or any',
        'MemoryPageSizeForbidden',
      );
    return undefined;
  }
  const size = parsePageSize(flavor.source, flavor.value);
  if (!image) return size;
  if (size !== 'any' && size !== 'large')
    throw invalid(
      image.source,
      image.value,
      `the flavor fixes it to ${flavor.value}; unset one of them, or let the flavor say large or any`,
      'MemoryPageSizeForbidden',
    );
  return parsePageSize(image.source, image.value);
}
