# SPDX-License-Identifier: Apache-2.0
"""What a build of runup says of every package, one line each: survey.py good|bad (for its developers)."""
import sys, subprocess, json, tempfile, os
sys.path.insert(0,'/tmp/i11/tests/packages')
sys.dont_write_bytecode=True
import packages
from pathlib import Path
d=Path(tempfile.mkdtemp())
os.environ["OMP_NUM_THREADS"]="1"
kinds=sys.argv[1]
for p in packages.PACKAGES:
    if (kinds=="good") != (not p.fault): continue
    f=d/p.name; f.mkdir(); p.write(f)
    r=d/(p.name+".json")
    c=subprocess.run(['/tmp/i11/build/release/bin/runup','run',str(f/'runup.yaml'),'--skip','warmup-budget','--report',f'json={r}'],capture_output=True,text=True,timeout=100)
    if not r.exists(): print(p.name,'NO REPORT',c.stderr[:200]); continue
    j=json.loads(r.read_text())
    errs=[f"{x['check']}/{g['id']}" for x in j['results'] for g in x['outcome']['findings'] if g['severity']=='error']
    text=json.dumps(j,ensure_ascii=False)
    und=[x['check'] for x in j['results'] if x['outcome']['status']=='undecided']
    print(f"{p.name:34} {p.check or '-':18} {j['verdict']:10} cause:{'yes' if p.cause and p.cause in text else 'no '} {errs} und={und} wit={[w['library'] for w in j.get('witnesses',[])]}",flush=True)
