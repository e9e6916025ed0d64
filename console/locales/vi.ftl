### Vietnamese.

## On every page.
skip = Chuyển đến nội dung
nav = Các trang
nav-door = Cửa
nav-live = Hình trực tiếp
nav-account = Tài khoản
sign-out = Đăng xuất
cancel = Hủy
save = Lưu
duration-minutes = { $number } phút
duration-hours = { $number } giờ
duration-days = { $number } ngày

## Signing in.
sign-in-title = Đăng nhập
sign-in = Đăng nhập
sign-in-name = Tên
sign-in-password = Mật khẩu
sign-in-wrong = Tên hoặc mật khẩu không đúng.
sign-in-pair = Tôi có mã dùng một lần
done-signed-out = Bạn đã đăng xuất.
done-signed-out-everywhere = Tất cả trình duyệt đã đăng xuất.

## Pairing a browser by a one-time code.
pair-title = Ghép nối trình duyệt này
pair-how = Quản trị viên lấy mã trên bo mạch bằng lệnh:
pair-code = Mã dùng một lần
pair = Ghép nối
pair-sign-in = Tôi đã có tài khoản
pair-wrong-code = Mã này không hợp lệ: gõ sai, đã được dùng hoặc đã hết hạn. Hãy xin mã khác.
done-paired = Chào mừng, { $name }. Từ nay hãy đăng nhập bằng tên này và mật khẩu của bạn.

## Passwords.
password-new = Mật khẩu mới
password-again = Nhập lại mật khẩu mới
password-current = Mật khẩu hiện tại
password-hint = Ít nhất { $number } ký tự.
password-too-short = Mật khẩu cần ít nhất { $number } ký tự.
password-too-long = Mật khẩu quá dài.
password-too-easy = Mật khẩu quá dễ đoán.
password-differs = Hai mật khẩu không giống nhau.
password-wrong = Mật khẩu hiện tại không đúng.

## The door.
door-title = Cửa
mode-normal = Bình thường: người đã đăng ký được vào
mode-held-open = Giữ mở thêm { $number } phút
mode-locked-down = Khóa: khuôn mặt không mở được cửa
mode-fault = Bị khóa do lỗi cho đến khi khởi động lại
state-no-relay = Chưa cấu hình rơ-le: không gì mở được.
state-no-camera = Máy ảnh không cho hình.
state-contact = Cảm biến cửa
state-open = mở
state-closed = đóng
state-unknown = không rõ
state-exit = Nút ra
state-pressed = đang nhấn
state-not-pressed = không nhấn
state-people = Người đã đăng ký
state-liveness = Kiểm tra ảnh giả
state-model = Mô hình
state-version = Phiên bản
state-uptime = Đã chạy
door-control = Mở và khóa
door-open = Mở cửa
door-hold-for = Giữ mở trong
door-hold = Giữ mở
door-normal = Trở lại bình thường
door-lockdown = Khóa lại
door-lockdown-hint = Khi khóa, không khuôn mặt nào mở được cửa. Nút ra vẫn mở được.
open-title = Mở cửa?
open-question = Cửa “{ $name }” mở một lần, cho bất kỳ ai đứng trước.
done-opened = Đã mở cửa.
done-held = Cửa đang được giữ mở.
done-locked-down = Cửa đã bị khóa.
done-normal = Cửa hoạt động bình thường.

## The live picture. What a person before the camera should do.
live-title = Hình trực tiếp
live-picture = Hình từ máy ảnh của cửa
live-waiting = Đang chờ hình …
live-lost = Mất kết nối. Đang thử lại.
live-nobody = Không có ai trong hình.
live-failed = Cửa không cho hình.
live-unknown = người lạ
advice-too-small = lại gần hơn
advice-too-dark = quá tối: thêm ánh sáng vào mặt
advice-too-bright = quá sáng: tránh ánh sáng vào máy ảnh
advice-blurred = mờ: đứng yên
advice-turned-away = nhìn thẳng vào máy ảnh
advice-tilted = giữ đầu thẳng
advice-eyes-covered = mắt bị che: bỏ kính đen ra
advice-mouth-covered = miệng bị che: bỏ khẩu trang ra
advice-cut-off = mép hình cắt mất mặt: bước vào trong hình
advice-not-upright = đầu bị ngược, nằm ngang hoặc bị che gần hết

## The account.
account-title = Tài khoản
account-name = Tên
account-role = Vai trò
role-viewer = người xem: được xem
role-operator = người vận hành: được mở và khóa
role-admin = quản trị viên: được làm mọi việc
account-language = Ngôn ngữ
account-language-browser = Theo trình duyệt
account-password = Mật khẩu
account-change-password = Đổi mật khẩu
account-sessions = Trình duyệt đang đăng nhập
account-session-began = Đăng nhập
account-session-used = lần dùng cuối
account-sign-out-everywhere = Đăng xuất ở mọi nơi
done-language = Đã lưu ngôn ngữ.
done-password = Đã đổi mật khẩu. Các trình duyệt khác đã đăng xuất.

## Errors.
error-title = Không thực hiện được
error-back = Về trang đầu
error-not-signed-in = Bạn chưa đăng nhập.
error-account-ended = Tài khoản này không còn hiệu lực. Hãy xin quản trị viên mã mới.
error-not-allowed = Vai trò của bạn không cho phép việc này.
error-refused = Cửa từ chối. Cửa báo:
error-door-silent = Cửa không trả lời. Có thể đang khởi động lại; hãy thử lại sau một phút.
error-not-found = Không có trang này.
error-other-site = Yêu cầu đến từ trang khác và bị từ chối. Hãy mở trang của bảng điều khiển và thử lại.
error-bad-request = Biểu mẫu chưa đầy đủ. Hãy quay lại và thử lại.
error-too-large = Dữ liệu gửi lên quá lớn.
error-too-many = Thử quá nhiều lần. Hãy đợi một phút rồi thử lại.
error-busy = Bảng điều khiển đang bận. Hãy thử lại sau giây lát.
error-internal = Bảng điều khiển gặp lỗi. Nhật ký có chi tiết.

## The record of events.
nav-events = Sự kiện
nav-report = Báo cáo
nav-health = Tình trạng
events-title = Sự kiện
events-from = Từ
events-until = Đến
events-person = Người
events-reason = Lý do
events-any-reason = bất kỳ
events-kind = Loại
events-any-kind = tất cả
events-decisions = cho vào hoặc từ chối
events-faults = lỗi và cảnh báo
events-changes = lệnh và thay đổi
events-filter = Hiện
events-no-filter = Hiện tất cả
events-added = Sự kiện mới:
events-none = Không có sự kiện nào phù hợp.
events-older = Sự kiện cũ hơn
events-newest = Sự kiện mới nhất
events-again = Tải lại
events-files = Dạng tệp
events-files-hint = Mọi sự kiện của bộ lọc này, không chỉ của trang này. Tệp có tên người: hãy giữ an toàn.
events-bad-from = “Từ” không phải là ngày giờ.
events-bad-until = “Đến” không phải là ngày giờ.
events-bad-span = “Từ” phải trước “Đến”.
events-bad-person = Tên quá dài.
events-bad-reason = Không có lý do này. Hãy chọn trong danh sách.
events-bad-kind = Không có loại này. Hãy chọn trong danh sách.
events-bad-page = Không có trang này. Hãy tải các sự kiện mới nhất.

## The reasons of decisions.
reason-granted = cho vào
reason-request-to-exit = cho ra bằng nút ra
reason-command = mở bằng lệnh
reason-unknown = người lạ
reason-ambiguous = có thể là hai người
reason-low-quality = khuôn mặt không đủ rõ
reason-too-far = quá xa
reason-static-face = khuôn mặt không cử động
reason-spoof = đưa ảnh giả
reason-not-live = chưa chứng minh là người thật
reason-several-faces = nhiều khuôn mặt trong hình
reason-cool-down = vừa được cho vào
reason-same-visit = vẫn ở trong hình từ lần trước
reason-disabled-person = người bị tắt
reason-alike = quá giống người khác
reason-outside-hours = ngoài giờ cho phép
reason-no-hours = nhóm chưa có giờ
reason-clock-implausible = đồng hồ không đúng
reason-paused = tạm dừng sau quá nhiều lần thử
reason-locked = bị khóa do lỗi
reason-locked-down = đang khóa

## One event.
event-title = Sự kiện
event-why = Vì sao
event-moments = Các thời điểm của quyết định
event-at = Số giây trong hình
event-quality = Chất lượng
event-similarity = Độ giống
event-threshold = Cần có
event-all-values = Mọi giá trị đã ghi
event-fields = Nội dung đã ghi
event-back = Mọi sự kiện

## What if.
whatif-title = Nếu như?
whatif-hint = Các lượt đến đã ghi được quyết định lại với thiết lập này. Không có gì bị thay đổi.
whatif-fpir = Tỷ lệ người lạ được vào
whatif-frames = Số thời điểm tốt cần có
whatif-margin = Khoảng cách với người kế tiếp
whatif-cooldown = Số giây trước khi cùng một người được vào lại
whatif-level = Kiểm tra ảnh giả
whatif-alike = Những người giống nhau
whatif-recorded = trước là { $value }
whatif-same = như cũ
whatif-span = Lượt đến
whatif-visit = lượt này
whatif-day = một ngày đến lượt này
whatif-week = một tuần đến lượt này
whatif-decide = Quyết định lại
whatif-nothing = Hãy đổi ít nhất một thiết lập.
whatif-bad-value = Có giá trị không hợp lệ. Số dùng dấu chấm, như 0.002.
whatif-bad-span = Hãy chọn các lượt đến cần quyết định lại.
whatif-no-decision = không có quyết định
whatif-found = Kết quả
whatif-same-decisions = Quyết định giống nhau
whatif-others = Quyết định khác
whatif-repeated = Gộp với lần từ chối khác, không quyết định lại
whatif-not-decided = Không quyết định lại:
whatif-was = Trước đây
whatif-would-be = Sẽ là
whatif-number = Số lượng
whatif-more = Và { $number } nữa.
whatif-settings = Thiết lập
whatif-back = Trở lại sự kiện

## The report.
report-title = Báo cáo
report-span = Thời gian
report-day = 24 giờ
report-week = 7 ngày
report-month = 4 tuần
report-all = Tất cả
report-bad-span = Không có khoảng thời gian này. Hãy chọn ở trên.
report-none = Không có lượt đến nào trong thời gian này.
report-visits = Lượt đến
report-repeated = Các lần từ chối khác, gộp vào một lượt đến
report-strangers-title = Người lạ
report-nearest = Người lạ gần ngưỡng nhất
report-histogram = Độ giống trừ ngưỡng
report-histogram-hint = Số lượt đến. Từ 0 trở lên khuôn mặt được nhận ra.
report-difference = Chênh lệch
report-strangers = Người lạ
report-granted = Được vào
report-people = Mọi người
report-people-hint = Số lần mỗi người không được nhận ra, với khoảng tin cậy 95 % của tỷ lệ.
report-name = Tên
report-refused = Không nhận ra
report-share = Tỷ lệ
report-interval = Khoảng 95 %
report-weeks = Tuần
report-begins = Từ
report-median = Trung vị
report-highest = Cao nhất
report-rates = Tỷ lệ khác
report-more = Thêm được vào
report-fewer = Bớt được vào
report-extrapolated = ngoại suy

## The health of the door.
health-title = Tình trạng
health-checks = Kiểm tra
health-hint = Cửa kiểm tra mọi thứ nó cần: mô hình, máy ảnh, ổ đĩa, đồng hồ, nhiệt độ và hơn nữa. Việc này mất tối đa một phút và không ảnh hưởng đến cửa.
health-run = Chạy kiểm tra
health-wait = Kết quả lần lượt hiện ra, tối đa trong một phút.
health-ok = Tốt
health-warning = Cảnh báo
health-fault = Lỗi
health-fix = Cách sửa:
health-done = Đã kiểm tra xong.
health-again = Chạy lại kiểm tra
health-faults = Lỗi và cảnh báo mới nhất
health-no-faults = Chưa ghi nhận lỗi nào.
health-all-faults = Mọi lỗi và cảnh báo
health-back = Trở lại tình trạng của cửa
