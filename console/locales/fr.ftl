### French.

## On every page.
skip = Aller au contenu
nav = Pages
nav-door = Porte
nav-live = Image en direct
nav-account = Compte
sign-out = Se déconnecter
cancel = Annuler
save = Enregistrer
duration-minutes = { $number } min
duration-hours = { $number } h
duration-days = { $number } jours

## Signing in.
sign-in-title = Connexion
sign-in = Se connecter
sign-in-name = Nom
sign-in-password = Mot de passe
sign-in-wrong = Le nom ou le mot de passe est incorrect.
sign-in-pair = J’ai un code à usage unique
done-signed-out = Vous êtes déconnecté.
done-signed-out-everywhere = Tous les navigateurs sont déconnectés.

## Pairing a browser by a one-time code.
pair-title = Associer ce navigateur
pair-how = Un administrateur obtient un code sur la carte avec :
pair-code = Code à usage unique
pair = Associer
pair-sign-in = J’ai un compte
pair-wrong-code = Ce code n’est pas valable : il est mal saisi, déjà utilisé ou expiré. Demandez-en un autre.
done-paired = Bienvenue, { $name }. Connectez-vous désormais avec ce nom et votre mot de passe.

## Passwords.
password-new = Nouveau mot de passe
password-again = Nouveau mot de passe, encore une fois
password-current = Mot de passe actuel
password-hint = Au moins { $number } caractères.
password-too-short = Le mot de passe doit avoir au moins { $number } caractères.
password-too-long = Le mot de passe est trop long.
password-too-easy = Le mot de passe est trop facile à deviner.
password-differs = Les deux mots de passe sont différents.
password-wrong = Le mot de passe actuel est incorrect.

## The door.
door-title = Porte
mode-normal = Normal : les personnes enregistrées peuvent entrer
mode-held-open = Maintenue ouverte encore { $number } min
mode-locked-down = Verrouillée : les visages n’ouvrent pas la porte
mode-fault = Verrouillée par une panne jusqu’au redémarrage
state-no-relay = Aucun relais n’est configuré : rien ne s’ouvre.
state-no-camera = La caméra ne donne pas d’images.
state-contact = Contact de porte
state-open = ouverte
state-closed = fermée
state-unknown = inconnu
state-exit = Bouton de sortie
state-pressed = appuyé
state-not-pressed = non appuyé
state-people = Personnes enregistrées
state-liveness = Détection des photos
state-model = Modèle
state-version = Version
state-uptime = En marche depuis
door-control = Ouvrir et verrouiller
door-open = Ouvrir la porte
door-hold-for = Maintenir ouverte pendant
door-hold = Maintenir ouverte
door-normal = Revenir à la normale
door-lockdown = Verrouiller
door-lockdown-hint = Pendant un verrouillage, aucun visage n’ouvre la porte. Le bouton de sortie l’ouvre.
open-title = Ouvrir la porte ?
open-question = La porte « { $name } » s’ouvre une fois, pour toute personne qui se trouve devant.
done-opened = La porte a été ouverte.
done-held = La porte est maintenue ouverte.
done-locked-down = La porte est verrouillée.
done-normal = La porte fonctionne normalement.

## The live picture. What a person before the camera should do.
live-title = Image en direct
live-picture = L’image de la caméra de la porte
live-waiting = En attente d’une image …
live-lost = Pas de connexion. Nouvel essai en cours.
live-nobody = Personne n’est dans l’image.
live-failed = La porte ne donne pas d’image.
live-unknown = personne inconnue
advice-too-small = s’approcher
advice-too-dark = trop sombre : éclairer le visage
advice-too-bright = trop clair : éviter la lumière dans la caméra
advice-blurred = flou : ne pas bouger
advice-turned-away = regarder droit vers la caméra
advice-tilted = tenir la tête droite
advice-eyes-covered = les yeux sont cachés : retirer les lunettes noires
advice-mouth-covered = la bouche est cachée : retirer le masque
advice-cut-off = le bord de l’image coupe le visage : se placer dans l’image
advice-not-upright = la tête est à l’envers, de côté ou presque cachée

## The account.
account-title = Compte
account-name = Nom
account-role = Rôle
role-viewer = observateur : peut regarder
role-operator = opérateur : peut aussi ouvrir et verrouiller
role-admin = administrateur : peut tout faire
account-language = Langue
account-language-browser = Comme le navigateur
account-password = Mot de passe
account-change-password = Changer le mot de passe
account-sessions = Navigateurs connectés
account-session-began = Connecté
account-session-used = dernière utilisation
account-sign-out-everywhere = Se déconnecter partout
done-language = La langue est enregistrée.
done-password = Le mot de passe est changé. Les autres navigateurs sont déconnectés.

## Errors.
error-title = Cela ne marche pas
error-back = Retour à la première page
error-not-signed-in = Vous n’êtes pas connecté.
error-account-ended = Ce compte n’est plus valable. Demandez un nouveau code à un administrateur.
error-not-allowed = Votre rôle ne le permet pas.
error-refused = La porte refuse. Elle indique :
error-door-silent = La porte ne répond pas. Elle redémarre peut-être ; réessayez dans une minute.
error-not-found = Cette page n’existe pas.
error-other-site = La demande vient d’un autre site et a été refusée. Ouvrez la page de la console et réessayez.
error-bad-request = Le formulaire est incomplet. Revenez en arrière et réessayez.
error-too-large = L’envoi est trop volumineux.
error-too-many = Trop d’essais. Attendez une minute, puis réessayez.
error-busy = La console est occupée. Réessayez dans un instant.
error-internal = La console a une erreur. Son journal en dit plus.

## The record of events.
nav-events = Événements
nav-report = Rapport
nav-health = État
events-title = Événements
events-from = Du
events-until = Au
events-person = Personne
events-reason = Motif
events-any-reason = tous
events-kind = Type
events-any-kind = tous
events-decisions = entrées et refus
events-faults = pannes et alarmes
events-changes = commandes et modifications
events-filter = Afficher
events-no-filter = Tout afficher
events-added = Nouveaux événements :
events-none = Aucun événement ne correspond.
events-older = Événements plus anciens
events-newest = Événements les plus récents
events-again = Actualiser
events-files = En fichier
events-files-hint = Tous les événements de ce filtre, pas seulement ceux de cette page. Ils nomment des personnes : gardez le fichier en lieu sûr.
events-bad-from = « Du » n’est pas une date avec une heure.
events-bad-until = « Au » n’est pas une date avec une heure.
events-bad-span = « Du » doit précéder « au ».
events-bad-person = Le nom est trop long.
events-bad-reason = Ce motif n’existe pas. Choisissez-en un dans la liste.
events-bad-kind = Ce type n’existe pas. Choisissez-en un dans la liste.
events-bad-page = Cette page n’existe pas. Affichez les événements les plus récents.

## The reasons of decisions.
reason-granted = a pu entrer
reason-request-to-exit = sortie par le bouton
reason-command = ouverte par une commande
reason-unknown = personne inconnue
reason-ambiguous = deux personnes étaient possibles
reason-low-quality = visage jamais assez net
reason-too-far = trop loin
reason-static-face = visage immobile
reason-spoof = une photo a été présentée
reason-not-live = non reconnu comme personne réelle
reason-several-faces = plusieurs visages dans l’image
reason-cool-down = entrée juste avant
reason-same-visit = restée dans l’image depuis l’entrée
reason-disabled-person = personne désactivée
reason-alike = ressemble trop à une autre personne
reason-outside-hours = hors des horaires
reason-no-hours = groupe sans horaires
reason-clock-implausible = l’horloge ne peut pas être juste
reason-paused = pause après trop de tentatives
reason-locked = verrouillée par une panne
reason-locked-down = verrouillée

## One event.
event-title = Événement
event-why = Pourquoi
event-moments = Moments de la décision
event-at = Secondes dans l’image
event-quality = Qualité
event-similarity = Similarité
event-threshold = Nécessaire
event-all-values = Toutes les valeurs enregistrées
event-fields = Contenu de l’enregistrement
event-back = Tous les événements

## What if.
whatif-title = Et si ?
whatif-hint = Les visites enregistrées sont décidées à nouveau avec ces réglages. Rien n’est modifié.
whatif-fpir = Taux d’inconnus admis
whatif-frames = Bons moments nécessaires
whatif-margin = Avance sur la personne suivante
whatif-cooldown = Secondes avant une nouvelle entrée de la même personne
whatif-level = Détection des photos
whatif-alike = Personnes qui se ressemblent
whatif-recorded = était { $value }
whatif-same = inchangé
whatif-span = Visites
whatif-visit = celle-ci
whatif-day = le jour jusqu’à celle-ci
whatif-week = la semaine jusqu’à celle-ci
whatif-decide = Décider à nouveau
whatif-nothing = Modifiez au moins un réglage.
whatif-bad-value = Une valeur n’est pas possible. Les nombres ont un point, comme 0.002.
whatif-bad-span = Choisissez les visites à décider à nouveau.
whatif-no-decision = aucune décision
whatif-found = Résultat
whatif-same-decisions = Décisions identiques
whatif-others = Autres décisions
whatif-repeated = Regroupées avec un autre refus, non décidées à nouveau
whatif-not-decided = Non décidées à nouveau :
whatif-was = Était
whatif-would-be = Serait
whatif-number = Nombre
whatif-more = Et { $number } autres.
whatif-settings = Réglages
whatif-back = Retour à l’événement

## The report.
report-title = Rapport
report-span = Période
report-day = 24 heures
report-week = 7 jours
report-month = 4 semaines
report-all = Tout
report-bad-span = Cette période n’existe pas. Choisissez-en une ci-dessus.
report-none = Il n’y a eu aucune visite pendant cette période.
report-visits = Visites
report-repeated = Autres refus, regroupés avec une de ces visites
report-strangers-title = Inconnus
report-nearest = L’inconnu le plus proche du seuil
report-histogram = Similarité moins seuil
report-histogram-hint = Nombre de visites. À partir de 0, un visage est reconnu.
report-difference = Différence
report-strangers = Inconnus
report-granted = Entrées
report-people = Personnes
report-people-hint = Combien de fois chaque personne n’a pas été reconnue, avec l’intervalle à 95 % du taux.
report-name = Nom
report-refused = Non reconnues
report-share = Taux
report-interval = Intervalle à 95 %
report-weeks = Semaines
report-begins = À partir du
report-median = Médiane
report-highest = Maximum
report-rates = Autres taux
report-more = Entrées en plus
report-fewer = Entrées en moins
report-extrapolated = extrapolé

## The health of the door.
health-title = État
health-checks = Vérifications
health-hint = La porte vérifie tout ce dont elle dépend : modèles, caméra, disque, horloge, température, etc. Cela prend jusqu’à une minute et ne la gêne pas.
health-run = Lancer les vérifications
health-wait = Les résultats arrivent l’un après l’autre, pendant une minute au plus.
health-ok = En ordre
health-warning = Avertissement
health-fault = Panne
health-fix = Remède :
health-done = Toutes les vérifications sont terminées.
health-again = Relancer les vérifications
health-faults = Dernières pannes et alarmes
health-no-faults = Aucune n’est enregistrée.
health-all-faults = Toutes les pannes et alarmes
health-back = Retour à l’état de la porte
