// What a real browser makes of a page of voice_report(): no error, no request, no serious fault of accessibility, at three widths
// and in both schemes. browser.mjs PAGE.html FOLDER [PICTURE.png]: screenshots go to FOLDER; scripts/report-browser.sh runs it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [, , file, folder, picture] = process.argv;
const address = pathToFileURL(file).href;
const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--force-device-scale-factor=1'],
});
const faults = [];
try {
    for (const scheme of ['light', 'dark']) {
        for (const width of [360, 820, 1280]) {
            const page = await browser.newPage();
            const where = `${scheme} ${width}`;
            page.on('console', (message) => faults.push(`${where}: console ${message.type()}: ${message.text()}`));
            page.on('pageerror', (error) => faults.push(`${where}: ${error.message}`));
            page.on('dialog', async (dialog) => { faults.push(`${where}: dialog ${dialog.message()}`); await dialog.dismiss(); });
            page.on('request', (request) => {
                if (request.url() !== address && !request.url().startsWith('data:')) faults.push(`${where}: request ${request.url()}`);
            });
            await page.setViewport({ width, height: 900 });
            await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
            await page.goto(address, { waitUntil: 'load' });
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (overflow > 0) faults.push(`${where}: the page is ${overflow} pixels wider than the window`);
            if (await page.evaluate(() => document.scripts.length) > 0) faults.push(`${where}: a script`);
            // The page forbids scripts of its own; those of the test run beside it.
            await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
            await page.evaluate(`${axe}; undefined`);
            const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
            for (const { id, impact, nodes } of violations) {
                const line = `${where}: axe ${impact} ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`;
                if (impact === 'serious' || impact === 'critical') faults.push(line);
                else console.log(line);
            }
            await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = false; }));
            await page.screenshot({ path: `${folder}/${scheme}-${width}.png`, fullPage: true });
            if (picture && scheme === 'light' && width === 1280) await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1280, height: 1600 } });
            await page.close();
        }
    }
    const page = await browser.newPage();
    await page.goto(address, { waitUntil: 'load' });
    await page.pdf({ path: `${folder}/paper.pdf`, format: 'A4' });
} finally {
    await browser.close();
}
faults.forEach((fault) => console.error(fault));
console.log(faults.length ? `report: ${faults.length} faults` : 'report: 3 widths, 2 schemes, no console line, no request, no serious fault (axe-core)');
process.exitCode = faults.length ? 1 : 0;
