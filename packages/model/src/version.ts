/** Of all parts: controller, agent, CLI. The release number of package.json. */
export const version = '0.1.0';
