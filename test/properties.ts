/**
 * Set-up of every unit test file: properties are tried with the same values in each run, so that the same tree gives the
 * same answer. The long variant looks further, with other values each time; what fails there prints its seed.
 */
import fc from 'fast-check';

if (!process.env['GANTRY_TEST_LONG']) fc.configureGlobal({ seed: 1 });
