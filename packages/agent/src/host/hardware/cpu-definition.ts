/** `<cpu>` of libvirt as a definition, and back. Names are checked: they come from XML, or over the wire. */
import { child, element, elements, text, writeXml, type XmlElement } from '@gantry/guest';
import { CpuDefinition, matches } from '@gantry/model';

/** Undefined for one without a model, or with what is no name. */
export function readCpu(cpu: XmlElement | undefined): CpuDefinition | undefined {
  const vendor = text(child(cpu, 'vendor'));
  const features = elements(cpu, 'feature').map(({ attributes }) => ({
    name: attributes['name'] ?? '',
    policy: attributes['policy'] === 'disable' ? ('disable' as const) : ('require' as const),
  }));
  const definition = { model: text(child(cpu, 'model')) ?? '', ...(vendor ? { vendor } : {}), features };
  return matches(CpuDefinition, definition) ? definition : undefined;
}

export const writeCpu = ({ model, vendor, features }: CpuDefinition): string =>
  writeXml(
    element('cpu', {}, [
      element('model', {}, [model]),
      vendor === undefined ? undefined : element('vendor', {}, [vendor]),
      ...features.map(({ name, policy }) => element('feature', { policy, name })),
    ]),
  );

/** Of a CPU whose features are written out: those that it has. */
export const featuresOf = ({ features }: CpuDefinition): string[] =>
  features.filter(({ policy }) => policy === 'require').map(({ name }) => name);
